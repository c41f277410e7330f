# CUDA sources compiled by an nvcc that lies unpacked in a folder (native/cuda/get-nvcc.sh), outside of CMake's own CUDA
# language: that one wants an installed toolkit, and links the static runtime by default.
#
# HADAL_NVCC_ROOT: the unpacked folder, or a toolkit as NVIDIA installs it (/usr/local/cuda). Where it is missing,
# HADAL_HAVE_NVCC is false.

set(HADAL_NVCC_ROOT "" CACHE PATH "Folder that native/cuda/get-nvcc.sh printed, or an installed toolkit's")
if(NOT HADAL_NVCC_ROOT)
  if(DEFINED ENV{XDG_CACHE_HOME})
    set(_hadal_cache "$ENV{XDG_CACHE_HOME}")
  else()
    set(_hadal_cache "$ENV{HOME}/.cache")
  endif()
  if(EXISTS "${_hadal_cache}/hadal/cuda-12.4/usr/lib/nvidia-cuda-toolkit/bin/nvcc")
    set_property(CACHE HADAL_NVCC_ROOT PROPERTY VALUE "${_hadal_cache}/hadal/cuda-12.4")
  endif()
endif()
set(HADAL_NVCC_HOST_COMPILER g++-12 CACHE STRING "Host compiler for nvcc (12.4 takes g++ up to 13)")

set(HADAL_HAVE_NVCC FALSE)
if(HADAL_NVCC_ROOT AND EXISTS "${HADAL_NVCC_ROOT}/usr/lib/nvidia-cuda-toolkit/bin/nvcc")
  # Debian's, whose profile holds the absolute paths of a toolkit in /usr.
  set(HADAL_HAVE_NVCC TRUE)
  # PATH is that of the build: another one at configuration would change the commands, and compile everything again.
  set(HADAL_NVCC "${CMAKE_COMMAND}" -E env
    --modify "PATH=path_list_prepend:${HADAL_NVCC_ROOT}/usr/lib/nvidia-cuda-toolkit/bin"
    --modify "PATH=path_list_prepend:${HADAL_NVCC_ROOT}/usr/bin"
    "LD_LIBRARY_PATH=${HADAL_NVCC_ROOT}/usr/lib/x86_64-linux-gnu"
    "NVVMIR_LIBRARY_DIR=${HADAL_NVCC_ROOT}/usr/lib/nvidia-cuda-toolkit/libdevice"
    "${HADAL_NVCC_ROOT}/usr/lib/nvidia-cuda-toolkit/bin/nvcc")
  set(HADAL_CUDA_INCLUDE "${HADAL_NVCC_ROOT}/usr/include")
  set(HADAL_CUDART "${HADAL_NVCC_ROOT}/usr/lib/x86_64-linux-gnu/libcudart.so")
elseif(HADAL_NVCC_ROOT AND EXISTS "${HADAL_NVCC_ROOT}/bin/nvcc")
  set(HADAL_HAVE_NVCC TRUE)
  set(HADAL_NVCC "${HADAL_NVCC_ROOT}/bin/nvcc")
  set(HADAL_CUDA_INCLUDE "${HADAL_NVCC_ROOT}/include")
  set(HADAL_CUDART "${HADAL_NVCC_ROOT}/lib64/libcudart.so")
endif()

# hadal_cuda_flags(VARIABLE LIST): sets VARIABLE to nvcc's flags for the architectures in the variable LIST, as
# CMAKE_CUDA_ARCHITECTURES has them: 80 is machine code and PTX for sm_80, 80-real machine code alone, 80-virtual PTX
# alone, for cards to come or the emulated device.
function(hadal_cuda_flags variable list)
  execute_process(COMMAND ${HADAL_NVCC} --list-gpu-arch OUTPUT_VARIABLE known COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[0-9]+" known "${known}")
  # PTX that the emulated device can read.
  set(flags --no-compress)
  foreach(architecture IN LISTS ${list})
    if(NOT architecture MATCHES "^(([0-9]+)[af]?)(-real|-virtual)?$")
      message(FATAL_ERROR "${list} has '${architecture}'; architectures are 80, 90a, 80-real, 90a-virtual and the like")
    endif()
    set(name ${CMAKE_MATCH_1})
    set(kinds "sm_${name},compute_${name}")
    if(CMAKE_MATCH_3 STREQUAL -real)
      set(kinds "sm_${name}")
    elseif(CMAKE_MATCH_3 STREQUAL -virtual)
      set(kinds "compute_${name}")
    endif()
    if(NOT CMAKE_MATCH_2 IN_LIST known)
      list(JOIN known ", " known)
      message(FATAL_ERROR "${list} has ${architecture}, but the nvcc of '${HADAL_NVCC_ROOT}' knows ${known} alone: "
        "set HADAL_NVCC_ROOT to a newer toolkit (sm_100 came with CUDA 12.8)")
    endif()
    list(APPEND flags -gencode "arch=compute_${name},code=[${kinds}]")
  endforeach()
  set(${variable} "${flags}" PARENT_SCOPE)
endfunction()

# hadal_cuda_objects(VARIABLE SOURCES file... [INCLUDES folder...] [FLAGS flag...] [DEPENDS file...])
# Sets VARIABLE to the object files; link them into a library together with a shared CUDA runtime.
function(hadal_cuda_objects variable)
  cmake_parse_arguments(arg "" "" "SOURCES;INCLUDES;FLAGS;DEPENDS" ${ARGN})
  set(objects)
  set(includes)
  foreach(folder IN LISTS arg_INCLUDES)
    list(APPEND includes "-I${folder}")
  endforeach()
  # The host's part against the same libc as the rest (../packaging/linux.cmake).
  set(host_compiler "${HADAL_NVCC_HOST_COMPILER}")
  set(host_flags -Xcompiler -fPIC)
  if(CMAKE_SYSROOT)
    set(host_compiler "${CMAKE_CXX_COMPILER}")
    separate_arguments(toolchain_flags UNIX_COMMAND "--sysroot=${CMAKE_SYSROOT} ${CMAKE_CXX_FLAGS}")
    foreach(flag IN LISTS toolchain_flags)
      list(APPEND host_flags -Xcompiler "${flag}")
    endforeach()
  endif()
  foreach(source IN LISTS arg_SOURCES)
    get_filename_component(source "${source}" ABSOLUTE)
    get_filename_component(name "${source}" NAME)
    string(MD5 hash "${source}")
    string(SUBSTRING "${hash}" 0 6 hash)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${variable}-${hash}-${name}.o")
    # Device assertions name their file: not where it lay.
    cmake_path(GET source PARENT_PATH folder)
    add_custom_command(
      OUTPUT "${object}"
      COMMAND ${HADAL_NVCC} -ccbin "${host_compiler}" ${host_flags} -Xcompiler "-fmacro-prefix-map=${folder}/="
              -c -std=c++20 -O3 -DNDEBUG --expt-relaxed-constexpr -cudart shared ${arg_FLAGS}
              ${includes} "-I${HADAL_CUDA_INCLUDE}" -MD -MF "${object}.d"
              "${source}" -o "${object}"
      DEPENDS "${source}" ${arg_DEPENDS}
      DEPFILE "${object}.d"
      COMMENT "nvcc ${name}"
      VERBATIM)
    list(APPEND objects "${object}")
  endforeach()
  set(${variable} "${objects}" PARENT_SCOPE)
endfunction()
