#include "platform/host.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "platform/text_file.h"

namespace hadal {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool contains(std::string_view list, std::string_view word) {
  const std::vector<std::string_view> words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The number that text begins with, or `none` where it begins with none ("max").
int64_t number(std::string_view text, int64_t none) {
  const std::string copy(text);
  char* end = nullptr;
  const long long value = std::strtoll(copy.c_str(), &end, 10);
  return end == copy.c_str() ? none : value;
}

// The number after `key` in lines of keys and numbers, 0 where it is not there.
uint64_t number_of(const std::string& text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (line.substr(0, key.size()) == key && line.size() > key.size() && (line[key.size()] == ' ')) {
      const size_t digits = line.find_first_not_of(' ', key.size());
      return digits == line.npos ? 0 : static_cast<uint64_t>(std::max<int64_t>(number(line.substr(digits), 0), 0));
    }
  }
  return 0;
}

// A path of /proc/self/mountinfo: spaces and the like are in octal.
std::string unescaped(std::string_view path) {
  std::string result;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\' && i + 3 < path.size()) {
      result += static_cast<char>((path[i + 1] - '0') * 64 + (path[i + 2] - '0') * 8 + (path[i + 3] - '0'));
      i += 3;
    } else {
      result += path[i];
    }
  }
  return result;
}

struct CgroupFolder {
  std::string path;
  bool v2;
};

// Where a hierarchy is mounted, from the process's own group up to what is mounted: each may hold a limit.
void add_folders(const std::string& root, const std::string& mounts, std::string_view group,
                 std::string_view controller, std::vector<CgroupFolder>& folders) {
  const bool v2 = controller.empty();
  for (const std::string_view line : split(mounts, '\n')) {
    // id parent device root point options [tags] - type source superoptions
    const std::vector<std::string_view> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields.end() - dash < 4) continue;
    if (dash[1] != (v2 ? "cgroup2" : "cgroup") || (!v2 && !contains(dash[3], controller))) continue;
    const std::string mounted = unescaped(fields[3]);
    const std::string point = root + unescaped(fields[4]);
    // In a container the group may lie outside what is mounted, which then is all there is to see.
    std::string within;
    if (mounted == "/") {
      within = group;
    } else if (group.substr(0, mounted.size()) == mounted &&
               (group.size() == mounted.size() || group[mounted.size()] == '/')) {
      within = group.substr(mounted.size());
    }
    if (within == "/" || within.find("/..") != within.npos) within.clear();
    for (;;) {
      folders.push_back({point + within, v2});
      if (within.empty()) return;
      within.resize(within.rfind('/'));
    }
  }
}

// The folders that may limit the process by a controller.
std::vector<CgroupFolder> cgroup_folders(const std::string& root, std::string_view controller) {
  std::vector<CgroupFolder> folders;
  const std::string groups = text_of(root + "/proc/self/cgroup");
  const std::string mounts = text_of(root + "/proc/self/mountinfo");
  for (const std::string_view line : split(groups, '\n')) {
    // id:controllers:path, without controllers for version 2.
    const size_t first = line.find(':');
    const size_t second = first == line.npos ? first : line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !contains(controllers, controller)) continue;
    add_folders(root, mounts, line.substr(second + 1), controllers.empty() ? "" : controller, folders);
  }
  return folders;
}

HostMemory whole_memory(const std::string& root) {
  const std::string text = text_of(root + "/proc/meminfo");
  const uint64_t total = number_of(text, "MemTotal:") << 10;
  if (total != 0) return {total, number_of(text, "MemAvailable:") << 10};
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return {static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * page,
          static_cast<uint64_t>(sysconf(_SC_AVPHYS_PAGES)) * page};
}

}  // namespace

HostMemory host_memory(const std::string& root) {
  HostMemory memory = whole_memory(root);
  for (const CgroupFolder& folder : cgroup_folders(root, "memory")) {
    const auto file = [&](const char* v2, const char* v1) {
      return text_of(folder.path + "/memory." + (folder.v2 ? v2 : v1));
    };
    // Where there is none, version 2 says "max", and version 1 a number near 2^63.
    const int64_t limit = number(file("max", "limit_in_bytes"), -1);
    if (limit < 0) continue;
    memory.total = std::min(memory.total, static_cast<uint64_t>(limit));
    const int64_t used = std::max<int64_t>(number(file("current", "usage_in_bytes"), 0), 0);
    const std::string statistics = file("stat", "stat");
    const uint64_t files = number_of(statistics, folder.v2 ? "active_file" : "total_active_file") +
                           number_of(statistics, folder.v2 ? "inactive_file" : "total_inactive_file");
    const uint64_t taken = static_cast<uint64_t>(used) - std::min(files, static_cast<uint64_t>(used));
    memory.free = std::min(memory.free, static_cast<uint64_t>(limit) - std::min(taken, static_cast<uint64_t>(limit)));
  }
  memory.free = std::min(memory.free, memory.total);
  return memory;
}

int usable_processors(int affinity, const std::string& root) {
  int64_t processors = affinity;
  for (const CgroupFolder& folder : cgroup_folders(root, "cpu")) {
    int64_t quota;
    int64_t period;
    if (folder.v2) {
      const std::string text = text_of(folder.path + "/cpu.max");
      quota = number(text, -1);
      period = number(std::string_view(text).substr(std::min(text.find(' '), text.size())), 0);
    } else {
      quota = number(text_of(folder.path + "/cpu.cfs_quota_us"), -1);
      period = number(text_of(folder.path + "/cpu.cfs_period_us"), 0);
    }
    if (quota > 0 && period > 0) processors = std::min(processors, (quota - 1) / period + 1);
  }
  return static_cast<int>(std::max<int64_t>(processors, 1));
}

}  // namespace hadal
