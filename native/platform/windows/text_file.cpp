#include "platform/text_file.h"

namespace hadal {

// There is no /proc and no /sys.
std::string text_of(const std::string&) {
  return {};
}

}  // namespace hadal
