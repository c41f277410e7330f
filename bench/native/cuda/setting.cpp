#include "setting.h"

#include <cstdarg>
#include <cstdio>

namespace hadal::bench {

std::string text(const char* format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  return line;
}

std::vector<Setting> all_settings(bool tiny) {
  Settings all(tiny);
  add_bf16_limit(all);
  add_fp8_limit(all);
  add_fp8(all);
  add_grouped(all);
  add_attention(all);
  add_indexer(all);
  add_dense(all);
  add_moe(all);
  add_caches(all);
  return std::move(all.list);
}

}  // namespace hadal::bench
