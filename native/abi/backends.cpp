// Finds the backends: the CPU's is built in, others are libraries of their own.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>

#include "abi/objects.h"
#include "cpu/cpu_backend.h"
#include "platform/library.h"
#include "platform/process.h"

namespace hadal {
namespace {

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

const hd_backend* load(const char* function, const std::string& name, int32_t& status) {
  const std::string library = backend_library(name);
  std::string candidates[3];
  int count = 0;
  const std::string folder = environment_variable("HADAL_BACKEND_PATH").value_or("");
  if (!folder.empty()) candidates[count++] = (std::filesystem::path(folder) / library).string();
  if (const std::string own = own_folder(); !own.empty())
    candidates[count++] = (std::filesystem::path(own) / library).string();
  candidates[count++] = library;
  std::string tried;
  for (int i = 0; i < count; ++i) {
    std::string why;
    const auto query = reinterpret_cast<hd_backend_query_fn>(symbol_of_library(candidates[i], "hd_backend_query", why));
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

// The name of the backend that serves a kind of device; empty with the error text set, and the status.
std::string name_of(const char* function, int32_t kind, int32_t& status) {
  if (kind == HD_DEVICE_CUDA) return "cuda";
  if (kind != HD_DEVICE_EXTERNAL) {
    status = fail(HD_STATUS_INVALID_ARGUMENT,
                  "%s: kind is %d; it must be HD_DEVICE_CPU (0), HD_DEVICE_CUDA (1) or HD_DEVICE_EXTERNAL (2)",
                  function, kind);
    return {};
  }
  const std::optional<std::string> name = environment_variable("HADAL_BACKEND");
  if (!name) {
    status =
        fail(HD_STATUS_INVALID_ARGUMENT, "%s: HADAL_BACKEND is unset; it must name the backend, as \"rocm\"", function);
    return {};
  }
  constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (name->empty() || name->find_first_not_of(kLetters) != name->npos) {
    status = fail(HD_STATUS_INVALID_ARGUMENT,
                  "%s: HADAL_BACKEND is \"%s\"; it must be a name of letters, digits, - and _, as \"rocm\"", function,
                  name->c_str());
    return {};
  }
  return *name;
}

}  // namespace

const hd_backend* find_backend(const char* function, int32_t kind, int32_t& status) {
  status = HD_STATUS_OK;
  if (kind == HD_DEVICE_CPU) return cpu::backend();
  const std::string name = name_of(function, kind, status);
  if (name.empty()) return nullptr;
  std::lock_guard lock(libraries.mutex);
  const auto found = libraries.by_name.find(name);
  if (found != libraries.by_name.end()) return found->second;
  const hd_backend* backend = load(function, name, status);
  if (backend != nullptr) libraries.by_name.emplace(name, backend);
  return backend;
}

}  // namespace hadal
