# Toolchain of the shipped library for Windows on x86-64: Debian's MinGW-w64, with the C++ and thread libraries inside,
# so that it wants no library but Windows' own. Its programs run under wine (tests/native/wine.sh).
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(HADAL_TARGET win-x64)
# Of Windows' two thread models, std::thread and std::mutex are in POSIX's alone.
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)  # Of GoogleTest.
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_OBJDUMP x86_64-w64-mingw32-objdump)
set(CMAKE_DLLTOOL x86_64-w64-mingw32-dlltool)
# Windows aligns the stack to 16 bytes, and GCC spills vectors of 32 and 64 to it as if it were aligned to them: the
# assembler writes unaligned moves in place of aligned ones. Link-time optimization would go past it.
set(CMAKE_CXX_FLAGS_INIT "-Wa,-muse-unaligned-vector-move")
foreach(_kind EXE SHARED MODULE)
  set(CMAKE_${_kind}_LINKER_FLAGS_INIT "-static")
endforeach()
set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/wine.sh)
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
