// What the process is given and does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hadal {

// An environment variable, in UTF-8.
std::optional<std::string> environment_variable(const char* name);

// Forks between the process that loaded this library and this one. To ask for it costs no system call.
uint32_t forks();

}  // namespace hadal
