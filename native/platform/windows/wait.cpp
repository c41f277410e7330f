// By Windows' own calls: where there is no futex, libstdc++'s std::atomic::wait looks at the value before it takes its
// lock, and sleeps through a notification that comes between.
#include "platform/wait.h"

#include <windows.h>

namespace hadal {

void wait_while_equal(const std::atomic<uint32_t>& value, uint32_t old) {
  static_assert(sizeof value == sizeof old && std::atomic<uint32_t>::is_always_lock_free);
  while (value.load(std::memory_order_acquire) == old) {
    WaitOnAddress(const_cast<std::atomic<uint32_t>*>(&value), &old, sizeof old, INFINITE);
  }
}

void wake_one(std::atomic<uint32_t>& value) {
  WakeByAddressSingle(&value);
}

void wake_all(std::atomic<uint32_t>& value) {
  WakeByAddressAll(&value);
}

}  // namespace hadal
