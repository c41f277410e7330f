#include "platform/wait.h"

namespace hadal {

void wait_while_equal(const std::atomic<uint32_t>& value, uint32_t old) {
  value.wait(old, std::memory_order_acquire);
}

void wake_one(std::atomic<uint32_t>& value) {
  value.notify_one();
}

void wake_all(std::atomic<uint32_t>& value) {
  value.notify_all();
}

}  // namespace hadal
