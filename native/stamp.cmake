# Writes stamp.cpp, which tells what is built from what:
#   cmake -DROOT=<checkout> -DVERSION=<version> -DOUTPUT=<file> -P native/stamp.cmake
# The build runs this each time, since a commit changes no source. The file is left alone where it would stay the same, so
# that nothing is compiled again.
execute_process(COMMAND git rev-parse HEAD WORKING_DIRECTORY "${ROOT}" OUTPUT_VARIABLE COMMIT
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  set(COMMIT unknown)
endif()
file(SHA256 "${ROOT}/native/include/hadal.h" HEADER_SHA256)
configure_file("${CMAKE_CURRENT_LIST_DIR}/abi/stamp.cpp.in" "${OUTPUT}" @ONLY)
