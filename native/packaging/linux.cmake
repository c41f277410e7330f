# Toolchain of the shipped libraries: g++ against the libc of Debian 11, so that they load wherever glibc is
# 2.31 or later.
#
# HADAL_TARGET: x64 or arm64. HADAL_SYSROOT: what native/packaging/get-sysroot.sh printed; its default folder if unset.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES HADAL_TARGET HADAL_SYSROOT)
if(HADAL_TARGET STREQUAL "x64")
  set(CMAKE_SYSTEM_PROCESSOR x86_64)
  set(_architecture amd64)
  set(_triplet x86_64-linux-gnu)
elseif(HADAL_TARGET STREQUAL "arm64")
  set(CMAKE_SYSTEM_PROCESSOR aarch64)
  set(_architecture arm64)
  set(_triplet aarch64-linux-gnu)
  set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
else()
  message(FATAL_ERROR "HADAL_TARGET is '${HADAL_TARGET}'; it must be x64 or arm64")
endif()

if(NOT HADAL_SYSROOT)
  execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/get-sysroot.sh ${_architecture} OUTPUT_VARIABLE HADAL_SYSROOT
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
set(CMAKE_SYSROOT ${HADAL_SYSROOT})
set(CMAKE_CXX_COMPILER ${_triplet}-g++-12)
# The C++ headers and the static libstdc++ are the compiler's own; what of it is linked in finds its libc in the sysroot,
# or fails to link.
foreach(_prefix /usr/include /usr/${_triplet}/include)
  if(EXISTS ${_prefix}/c++/12/${_triplet} OR EXISTS ${_prefix}/${_triplet}/c++/12)
    set(_headers ${_prefix})
  endif()
endforeach()
set(CMAKE_CXX_FLAGS_INIT "-nostdinc++ -isystem ${_headers}/c++/12 -isystem ${_headers}/${_triplet}/c++/12 -isystem ${_headers}/c++/12/${_triplet}")
# Before the compiler's own folders, which lead to the machine's libc.
foreach(_kind EXE SHARED)
  set(CMAKE_${_kind}_LINKER_FLAGS_INIT "-L${HADAL_SYSROOT}/usr/lib/${_triplet} -L${HADAL_SYSROOT}/lib/${_triplet}")
endforeach()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
