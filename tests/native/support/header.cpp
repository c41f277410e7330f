#include "support/header.h"

#include <fstream>
#include <iterator>
#include <regex>

namespace hadal::tests {

std::vector<HeaderRow> layout_of(const std::string& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  text = std::regex_replace(text, std::regex(R"(/\*([^*]|\*[^/])*\*/)"), "");
  std::vector<HeaderRow> rows;
  const std::regex structure(R"(typedef struct (\w+) \{([^}]*)\} (\w+);)");
  for (std::sregex_iterator match(text.begin(), text.end(), structure), last; match != last; ++match) {
    const std::string body = (*match)[2];
    const size_t head = rows.size();
    rows.push_back({(*match)[1], "", 0, 0});
    uint32_t offset = 0;
    const std::regex field(R"(([\w ]+?)([\s*]|const)*\b(\w+)(\[(\d+)\])?;)");
    for (std::sregex_iterator one(body.begin(), body.end(), field); one != last; ++one) {
      const std::string declaration = one->str();
      const std::string type = (*one)[1];
      const bool pointer = declaration.find('*') != std::string::npos;
      const uint32_t element = pointer                                     ? 8
                               : type.find("64") != std::string::npos      ? 8
                               : type.find("char") != std::string::npos    ? 1
                               : type.find("uint8_t") != std::string::npos ? 1
                                                                           : 4;
      const std::string count = (*one)[5];
      offset = (offset + element - 1) / element * element;
      const uint32_t size = element * (count.empty() ? 1 : static_cast<uint32_t>(std::stoul(count)));
      rows.push_back({(*match)[1], (*one)[3], offset, size});
      offset += size;
    }
    uint32_t alignment = 4;
    for (size_t i = head + 1; i < rows.size(); ++i) {
      if (rows[i].size == 8) alignment = 8;
    }
    rows[head].size = (offset + alignment - 1) / alignment * alignment;
  }
  return rows;
}

}  // namespace hadal::tests
