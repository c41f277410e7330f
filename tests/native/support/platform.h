// What the tests ask of the operating system.
#pragma once

#include <string>

namespace hadal::tests {

void set_variable(const char* name, const char* value);
void unset_variable(const char* name);

// How the system's words begin for a library that is not at `path`.
std::string missing_library_words(const std::string& path);

}  // namespace hadal::tests
