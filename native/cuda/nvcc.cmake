# CUDA sources compiled by an nvcc that lies unpacked in a folder (native/cuda/get-nvcc.sh), outside of CMake's own CUDA
# language: that one wants an installed toolkit, and links the static runtime by default.
#
# HADAL_NVCC_ROOT: the unpacked folder. Where it is missing, HADAL_HAVE_NVCC is false.

set(HADAL_NVCC_ROOT "" CACHE PATH "Folder that native/cuda/get-nvcc.sh printed")
if(NOT HADAL_NVCC_ROOT)
  if(DEFINED ENV{XDG_CACHE_HOME})
    set(_hadal_cache "$ENV{XDG_CACHE_HOME}")
  else()
    set(_hadal_cache "$ENV{HOME}/.cache")
  endif()
  if(EXISTS "${_hadal_cache}/hadal/cuda-12.4/usr/lib/nvidia-cuda-toolkit/bin/nvcc")
    set(HADAL_NVCC_ROOT "${_hadal_cache}/hadal/cuda-12.4" CACHE PATH "Folder that native/cuda/get-nvcc.sh printed" FORCE)
  endif()
endif()
set(HADAL_NVCC_HOST_COMPILER g++-12 CACHE STRING "Host compiler for nvcc (12.4 takes g++ up to 13)")

set(HADAL_NVCC "${HADAL_NVCC_ROOT}/usr/lib/nvidia-cuda-toolkit/bin/nvcc")
if(HADAL_NVCC_ROOT AND EXISTS "${HADAL_NVCC}")
  set(HADAL_HAVE_NVCC TRUE)
else()
  set(HADAL_HAVE_NVCC FALSE)
endif()
set(HADAL_CUDA_INCLUDE "${HADAL_NVCC_ROOT}/usr/include")
set(HADAL_CUDART "${HADAL_NVCC_ROOT}/usr/lib/x86_64-linux-gnu/libcudart.so")

# PTX inside the library beside the machine code, uncompressed: what the emulated device reads.
set(HADAL_NVCC_SM90A_FLAGS "SHELL:-gencode arch=compute_90a,code=[sm_90a,compute_90a]" --no-compress)

# hadal_cuda_objects(VARIABLE SOURCES file... [INCLUDES folder...] [FLAGS flag...] [DEPENDS file...])
# Sets VARIABLE to the object files; link them into a library together with a shared CUDA runtime.
function(hadal_cuda_objects variable)
  cmake_parse_arguments(arg "" "" "SOURCES;INCLUDES;FLAGS;DEPENDS" ${ARGN})
  set(objects)
  set(includes)
  foreach(folder IN LISTS arg_INCLUDES)
    list(APPEND includes "-I${folder}")
  endforeach()
  set(flags)
  foreach(flag IN LISTS arg_FLAGS)
    if(flag MATCHES "^SHELL:(.*)$")
      separate_arguments(flag UNIX_COMMAND "${CMAKE_MATCH_1}")
    endif()
    list(APPEND flags ${flag})
  endforeach()
  foreach(source IN LISTS arg_SOURCES)
    get_filename_component(source "${source}" ABSOLUTE)
    get_filename_component(name "${source}" NAME)
    string(MD5 hash "${source}")
    string(SUBSTRING "${hash}" 0 6 hash)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${variable}-${hash}-${name}.o")
    add_custom_command(
      OUTPUT "${object}"
      COMMAND "${CMAKE_COMMAND}" -E env "PATH=${HADAL_NVCC_ROOT}/usr/bin:${HADAL_NVCC_ROOT}/usr/lib/nvidia-cuda-toolkit/bin:$ENV{PATH}"
              "LD_LIBRARY_PATH=${HADAL_NVCC_ROOT}/usr/lib/x86_64-linux-gnu"
              "NVVMIR_LIBRARY_DIR=${HADAL_NVCC_ROOT}/usr/lib/nvidia-cuda-toolkit/libdevice"
              "${HADAL_NVCC}" -ccbin "${HADAL_NVCC_HOST_COMPILER}" -c -std=c++20 -O3 -DNDEBUG -Xcompiler -fPIC
              --expt-relaxed-constexpr -cudart shared ${flags} ${includes} "-I${HADAL_CUDA_INCLUDE}" -MD -MF "${object}.d"
              "${source}" -o "${object}"
      DEPENDS "${source}" ${arg_DEPENDS}
      DEPFILE "${object}.d"
      COMMENT "nvcc ${name}"
      VERBATIM)
    list(APPEND objects "${object}")
  endforeach()
  set(${variable} "${objects}" PARENT_SCOPE)
endfunction()
