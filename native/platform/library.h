// Libraries that are loaded at run time. Paths are UTF-8.
#pragma once

#include <string>

namespace hadal {

// The file name of a backend's library: "libhadal-rocm.so" for "rocm".
std::string backend_library(const std::string& name);

// Loads a library, for good, and returns the address that it exports as `symbol`; null with the reason in `why`.
void* symbol_of_library(const std::string& path, const char* symbol, std::string& why);

// The folder of the library, or of the program, that holds this code; empty where the system does not tell.
std::string own_folder();

}  // namespace hadal
