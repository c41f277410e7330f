#include "core/numa.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "platform/text_file.h"

namespace hadal {
namespace {

// Linux has no more; a list that names others is nonsense.
constexpr int kMostNodes = 1024;

struct Range {
  int first;
  int last;  // Included.
};

std::optional<int> number_of(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// The kernel's form of a list, "0-3,8,10-11"; empty for a list of none, nothing for another form.
std::optional<std::vector<Range>> ranges_of(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.remove_suffix(1);
  std::vector<Range> ranges;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    const size_t dash = std::min(part.find('-'), part.size());
    const std::optional<int> first = number_of(part.substr(0, dash));
    const std::optional<int> last = dash == part.size() ? first : number_of(part.substr(dash + 1));
    if (!first || !last || *first > *last || end + 1 == text.size()) return std::nullopt;
    ranges.push_back({*first, *last});
    begin = end + 1;
  }
  return ranges;
}

std::vector<NumaNode> told_nodes(const std::vector<int>& allowed, const std::string& folder) {
  const std::optional<std::vector<Range>> online = ranges_of(text_of(folder + "online"));
  if (!online) return {};
  std::vector<NumaNode> nodes;
  std::vector<bool> taken(allowed.size());
  for (const Range& numbers : *online) {
    if (numbers.last >= kMostNodes) return {};
    for (int number = numbers.first; number <= numbers.last; ++number) {
      const auto list = ranges_of(text_of(folder + "node" + std::to_string(number) + "/cpulist"));
      if (!list) return {};
      NumaNode node{number, {}};
      for (const Range& range : *list) {
        auto found = std::lower_bound(allowed.begin(), allowed.end(), range.first);
        for (; found != allowed.end() && *found <= range.last; ++found) {
          const auto place = static_cast<size_t>(found - allowed.begin());
          if (taken[place]) return {};
          taken[place] = true;
          node.processors.push_back(*found);
        }
      }
      // One without processors has memory alone.
      if (!node.processors.empty()) nodes.push_back(std::move(node));
    }
  }
  if (std::find(taken.begin(), taken.end(), false) != taken.end()) return {};
  return nodes;
}

}  // namespace

std::vector<NumaNode> numa_nodes(const std::vector<int>& allowed, const std::string& root) {
  std::vector<NumaNode> nodes = told_nodes(allowed, root + "/sys/devices/system/node/");
  if (nodes.empty()) nodes.push_back({0, allowed});
  return nodes;
}

std::vector<int> thread_bounds(int threads, const std::vector<NumaNode>& nodes) {
  size_t all = 0;
  for (const NumaNode& node : nodes) all += node.processors.size();
  std::vector<int> bounds{0};
  size_t before = 0;
  for (const NumaNode& node : nodes) {
    before += node.processors.size();
    bounds.push_back(static_cast<int>(static_cast<size_t>(threads) * before / all));
  }
  return bounds;
}

}  // namespace hadal
