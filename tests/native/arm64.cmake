# Builds the library and its tests for arm64 on another machine, and runs them under qemu:
#
#   apt-get install g++-aarch64-linux-gnu qemu-user googletest
#   cmake --workflow --preset arm64
#
# The scalar variants are all that arm64 has. What is shipped is built by native/packaging/linux.cmake.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
# Debian's GoogleTest comes as source too.
set(HADAL_GTEST_SOURCE /usr/src/googletest)
