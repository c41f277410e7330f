#include "support/platform.h"

#include <windows.h>

namespace hadal::tests {

void set_variable(const char* name, const char* value) {
  SetEnvironmentVariableA(name, value);
}

void unset_variable(const char* name) {
  SetEnvironmentVariableA(name, nullptr);
}

std::string missing_library_words(const std::string&) {
  return "Windows error 126: ";  // ERROR_MOD_NOT_FOUND
}

}  // namespace hadal::tests
