// Windows' UTF-16 and UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace hadal {

std::wstring to_utf16(std::string_view text);
std::string to_utf8(std::wstring_view text);

}  // namespace hadal
