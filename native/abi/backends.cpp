// Finds the backends: the CPU's is built in, others are libraries of their own.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
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
constexpr const char* kCudaLibrary = "hadal-cuda.dll";
#else
constexpr const char* kCudaLibrary = "libhadal-cuda.so";
#endif

struct Library {
  std::mutex mutex;
  const hd_backend* backend = nullptr;
};
Library cuda_library;

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

const hd_backend* load(const char* name, int32_t& status) {
  std::string candidates[3];
  int count = 0;
  const char* folder = std::getenv("HADAL_BACKEND_PATH");
  if (folder != nullptr && folder[0] != '\0') candidates[count++] = (std::filesystem::path(folder) / name).string();
  if (const std::string own = own_folder(); !own.empty())
    candidates[count++] = (std::filesystem::path(own) / name).string();
  candidates[count++] = name;
  std::string tried;
  for (int i = 0; i < count; ++i) {
    std::string why;
    const hd_backend_query_fn query = open_library(candidates[i], why);
    if (query != nullptr) {
      const hd_backend* backend = nullptr;
      status = query(&kHost, &backend);
      if (status == HD_STATUS_OK && backend != nullptr && backend->backend_version == HD_BACKEND_VERSION)
        return backend;
      why = status != HD_STATUS_OK ? error_text() : "it was built for another version of this library";
    }
    tried += "\n  " + candidates[i] + ": " + why;
    log_line("backend not loaded: %s: %s", candidates[i].c_str(), why.c_str());
  }
  status =
      fail(HD_STATUS_UNSUPPORTED,
           "the CUDA backend could not be loaded; install the package that holds %s, or set HADAL_BACKEND_PATH to its "
           "folder. Tried:%s",
           name, tried.c_str());
  return nullptr;
}

}  // namespace

const hd_backend* find_backend(int32_t kind, int32_t& status) {
  status = HD_STATUS_OK;
  if (kind == HD_DEVICE_CPU) return cpu::backend();
  if (kind != HD_DEVICE_CUDA) {
    status = fail(HD_STATUS_INVALID_ARGUMENT, "kind is %d; it must be HD_DEVICE_CPU (0) or HD_DEVICE_CUDA (1)", kind);
    return nullptr;
  }
  std::lock_guard lock(cuda_library.mutex);
  if (cuda_library.backend == nullptr) cuda_library.backend = load(kCudaLibrary, status);
  return cuda_library.backend;
}

}  // namespace hadal
