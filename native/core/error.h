// The calling thread's error text, and the log function.
#pragma once

#include <cstdint>

#include "hadal.h"

namespace hadal {

// Sets the thread's error text (printf form) and returns the status, so that a refusal is one line. Never allocates.
[[gnu::format(printf, 2, 3)]] int32_t fail(int32_t status, const char* format, ...);

// A pointer for "0x%llx": C libraries spell %p in different ways.
inline unsigned long long number_of_pointer(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

void set_error_text(const char* text);

const char* error_text();

void set_log(hd_log_fn log, void* context);

[[gnu::format(printf, 1, 2)]] void log_line(const char* format, ...);

}  // namespace hadal
