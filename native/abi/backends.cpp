// Finds the backends: the CPU's is built in, others are libraries of their own.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>

#if defined(_WIN32)
#  include <windows.h>
#else
#  include <dlfcn.h>
#endif

#include "abi/objects.h"
#include "cpu/cpu_backend.h"

namespace hadal {
namespace {

#if defined(_WIN32)
constexpr const char* kPrefix = "hadal-";
constexpr const char* kSuffix = ".dll";
#else
constexpr const char* kPrefix = "libhadal-";
constexpr const char* kSuffix = ".so";
#endif

// What was loaded stays loaded: a device may be in use.
struct Libraries {
  std::mutex mutex;
  std::map<std::string, const hd_backend*> by_name;
};
Libraries libraries;

void host_log(const char* text) {
  log_line("%s", text);
}

constexpr hd_backend_host kHost{sizeof(hd_backend_host), HD_BACKEND_VERSION, set_error_text, host_log};

// Loads a library and returns hd_backend_query, or null with the loader's words in `why`.
hd_backend_query_fn open_library(const std::string& path, std::string& why) {
#if defined(_WIN32)
  HMODULE library = LoadLibraryA(path.c_str());
  if (library == nullptr) {
    why = "LoadLibrary failed with error " + std::to_string(GetLastError());
    return nullptr;
  }
  auto query = reinterpret_cast<hd_backend_query_fn>(GetProcAddress(library, "hd_backend_query"));
#else
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    why = dlerror();
    return nullptr;
  }
  auto query = reinterpret_cast<hd_backend_query_fn>(dlsym(library, "hd_backend_query"));
#endif
  if (query == nullptr) why = "it does not export hd_backend_query";
  return query;
}

std::string own_folder() {
#if defined(_WIN32)
  return {};
#else
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&find_backend), &info) == 0 || info.dli_fname == nullptr) return {};
  return std::filesystem::path(info.dli_fname).parent_path().string();
#endif
}

const hd_backend* load(const char* function, const std::string& name, int32_t& status) {
  const std::string library = kPrefix + name + kSuffix;
  std::string candidates[3];
  int count = 0;
  const char* folder = std::getenv("HADAL_BACKEND_PATH");
  if (folder != nullptr && folder[0] != '\0') candidates[count++] = (std::filesystem::path(folder) / library).string();
  if (const std::string own = own_folder(); !own.empty())
    candidates[count++] = (std::filesystem::path(own) / library).string();
  candidates[count++] = library;
  std::string tried;
  for (int i = 0; i < count; ++i) {
    std::string why;
    const hd_backend_query_fn query = open_library(candidates[i], why);
    if (query != nullptr) {
      const hd_backend* backend = nullptr;
      status = query(&kHost, &backend);
      if (status == HD_STATUS_OK && backend != nullptr && backend->backend_version == HD_BACKEND_VERSION &&
          backend->struct_size >= sizeof(hd_backend)) {
        return backend;
      }
      why = status != HD_STATUS_OK ? error_text() : "it was built for another version of this library";
    }
    tried += "\n  " + candidates[i] + ": " + why;
    log_line("backend not loaded: %s: %s", candidates[i].c_str(), why.c_str());
  }
  status = fail(HD_STATUS_UNSUPPORTED,
                "%s: the backend \"%s\" could not be loaded; install the package that holds %s, or set "
                "HADAL_BACKEND_PATH to its folder. Tried:%s",
                function, name.c_str(), library.c_str(), tried.c_str());
  return nullptr;
}

// The name of the backend that serves a kind of device; null with the error text set, and the status.
const char* name_of(const char* function, int32_t kind, int32_t& status) {
  if (kind == HD_DEVICE_CUDA) return "cuda";
  if (kind != HD_DEVICE_EXTERNAL) {
    status = fail(HD_STATUS_INVALID_ARGUMENT,
                  "%s: kind is %d; it must be HD_DEVICE_CPU (0), HD_DEVICE_CUDA (1) or HD_DEVICE_EXTERNAL (2)",
                  function, kind);
    return nullptr;
  }
  const char* name = std::getenv("HADAL_BACKEND");
  if (name == nullptr) {
    status =
        fail(HD_STATUS_INVALID_ARGUMENT, "%s: HADAL_BACKEND is unset; it must name the backend, as \"rocm\"", function);
    return nullptr;
  }
  constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (name[0] == '\0' || name[std::strspn(name, kLetters)] != '\0') {
    status =
        fail(HD_STATUS_INVALID_ARGUMENT,
             "%s: HADAL_BACKEND is \"%s\"; it must be a name of letters, digits, - and _, as \"rocm\"", function, name);
    return nullptr;
  }
  return name;
}

}  // namespace

const hd_backend* find_backend(const char* function, int32_t kind, int32_t& status) {
  status = HD_STATUS_OK;
  if (kind == HD_DEVICE_CPU) return cpu::backend();
  const char* name = name_of(function, kind, status);
  if (name == nullptr) return nullptr;
  std::lock_guard lock(libraries.mutex);
  const auto found = libraries.by_name.find(name);
  if (found != libraries.by_name.end()) return found->second;
  const hd_backend* backend = load(function, name, status);
  if (backend != nullptr) libraries.by_name.emplace(name, backend);
  return backend;
}

}  // namespace hadal
