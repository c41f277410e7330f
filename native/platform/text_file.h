// Small files of the system's, of /proc and /sys.
#pragma once

#include <string>

namespace hadal {

// A file's text; empty where it can't be read.
std::string text_of(const std::string& path);

}  // namespace hadal
