#include "platform/library.h"

#include <windows.h>

#include <filesystem>

#include "platform/windows/text.h"

namespace hadal {
namespace {

std::string last_error_text() {
  const DWORD error = GetLastError();
  wchar_t text[512];
  DWORD size = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, error, 0, text,
                              static_cast<DWORD>(std::size(text)), nullptr);
  while (size > 0 && (text[size - 1] == L'\n' || text[size - 1] == L'\r' || text[size - 1] == L' ')) --size;
  return "Windows error " + std::to_string(error) + ": " + to_utf8({text, size});
}

}  // namespace

std::string backend_library(const std::string& name) {
  return "hadal-" + name + ".dll";
}

void* symbol_of_library(const std::string& path, const char* symbol, std::string& why) {
  // What lies beside a library that is named with its folder is found too.
  const bool has_folder = std::filesystem::path(path).is_absolute();
  HMODULE library = LoadLibraryExW(to_utf16(path).c_str(), nullptr, has_folder ? LOAD_WITH_ALTERED_SEARCH_PATH : 0);
  if (library == nullptr) {
    why = last_error_text();
    return nullptr;
  }
  void* address = reinterpret_cast<void*>(GetProcAddress(library, symbol));
  if (address == nullptr) why = std::string("it does not export ") + symbol;
  return address;
}

std::string own_folder() {
  HMODULE own = nullptr;
  constexpr DWORD kFlags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  if (GetModuleHandleExW(kFlags, reinterpret_cast<LPCWSTR>(&own_folder), &own) == 0) return {};
  // The longest path that Windows has.
  std::wstring path(32768, L'\0');
  path.resize(GetModuleFileNameW(own, path.data(), static_cast<DWORD>(path.size())));
  return to_utf8(std::filesystem::path(path).parent_path().native());
}

}  // namespace hadal
