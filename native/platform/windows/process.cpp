#include "platform/process.h"

#include <windows.h>

#include "platform/windows/text.h"

namespace hadal {

// The C library's copy of the environment misses what a program sets through Windows, as .NET does.
std::optional<std::string> environment_variable(const char* name) {
  const std::wstring wide_name = to_utf16(name);
  std::wstring value;
  for (DWORD size = 64;;) {
    value.resize(size);
    SetLastError(ERROR_SUCCESS);
    size = GetEnvironmentVariableW(wide_name.c_str(), value.data(), static_cast<DWORD>(value.size()));
    if (size == 0 && GetLastError() != ERROR_SUCCESS) return std::nullopt;
    if (size < value.size()) break;
  }
  value.resize(value.find(L'\0'));
  return to_utf8(value);
}

// Windows has no fork.
uint32_t forks() {
  return 0;
}

}  // namespace hadal
