#include "support/platform.h"

#include <cstdlib>

namespace hadal::tests {

void set_variable(const char* name, const char* value) {
  setenv(name, value, 1);
}

void unset_variable(const char* name) {
  unsetenv(name);
}

std::string missing_library_words(const std::string& path) {
  return path + ": cannot open shared object";
}

}  // namespace hadal::tests
