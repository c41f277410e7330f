#include "core/error.h"

#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace hadal {
namespace {

constexpr int kTextBytes = 8192;
thread_local char text_of_thread[kTextBytes];

struct Log {
  std::mutex mutex;
  hd_log_fn function = nullptr;
  void* context = nullptr;
};
Log process_log;

}  // namespace

int32_t fail(int32_t status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text_of_thread, kTextBytes, format, arguments);
  va_end(arguments);
  return status;
}

void set_error_text(const char* text) {
  std::snprintf(text_of_thread, kTextBytes, "%s", text);
}

const char* error_text() {
  return text_of_thread;
}

void set_log(hd_log_fn log, void* context) {
  std::lock_guard lock(process_log.mutex);
  process_log.function = log;
  process_log.context = context;
}

void log_line(const char* format, ...) {
  std::lock_guard lock(process_log.mutex);
  if (process_log.function == nullptr) return;
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  process_log.function(process_log.context, line);
}

}  // namespace hadal
