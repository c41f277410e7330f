#include "support/header.h"

#include <fstream>
#include <iterator>

namespace hadal::tests {
namespace {

// By hand: the recursion of std::regex takes more stack than sanitizers leave it.
std::string without_comments(const std::string& path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  for (size_t begin; (begin = text.find("/*")) != text.npos;) text.erase(begin, text.find("*/", begin) + 2 - begin);
  return text;
}

// The next declaration of a struct's body, which is taken off it; empty at the end.
std::string take_declaration(std::string& body) {
  const size_t end = body.find(';');
  if (end == body.npos) return {};
  const std::string declaration = body.substr(0, end);
  body.erase(0, end + 1);
  return declaration;
}

uint32_t element_size(const std::string& declaration) {
  if (declaration.find('*') != declaration.npos || declaration.find("64_t ") != declaration.npos) return 8;
  if (declaration.find("char ") != declaration.npos || declaration.find("int8_t ") != declaration.npos) return 1;
  return 4;
}

}  // namespace

std::vector<HeaderRow> layout_of(const std::string& path) {
  const std::string text = without_comments(path);
  const std::string start = "typedef struct ";
  std::vector<HeaderRow> rows;
  for (size_t at = text.find(start); at != text.npos; at = text.find(start, at + 1)) {
    const size_t name = at + start.size();
    const size_t name_end = text.find(' ', name);
    if (text[name_end + 1] != '{') continue;  // A handle.
    const std::string type = text.substr(name, name_end - name);
    std::string body = text.substr(name_end + 2, text.find('}', name_end) - name_end - 2);
    const size_t head = rows.size();
    rows.push_back({type, "", 0, 0});
    uint32_t offset = 0;
    uint32_t alignment = 4;
    for (std::string declaration; !(declaration = take_declaration(body)).empty();) {
      const uint32_t element = element_size(declaration);
      uint32_t count = 1;
      if (const size_t bracket = declaration.find('['); bracket != declaration.npos) {
        count = static_cast<uint32_t>(std::stoul(declaration.substr(bracket + 1)));
        declaration.resize(bracket);
      }
      offset = (offset + element - 1) / element * element;
      rows.push_back({type, declaration.substr(declaration.find_last_of(" *") + 1), offset, element * count});
      offset += element * count;
      if (element == 8) alignment = 8;
    }
    rows[head].size = (offset + alignment - 1) / alignment * alignment;
  }
  return rows;
}

}  // namespace hadal::tests
