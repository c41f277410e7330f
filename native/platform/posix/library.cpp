#include "platform/library.h"

#include <dlfcn.h>

#include <filesystem>

namespace hadal {

std::string backend_library(const std::string& name) {
  return "libhadal-" + name + ".so";
}

void* symbol_of_library(const std::string& path, const char* symbol, std::string& why) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    why = dlerror();
    return nullptr;
  }
  void* address = dlsym(library, symbol);
  if (address == nullptr) why = std::string("it does not export ") + symbol;
  return address;
}

std::string own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr) return {};
  return std::filesystem::path(info.dli_fname).parent_path().string();
}

}  // namespace hadal
