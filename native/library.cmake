# Builds the library for the managed projects: cmake -P native/library.cmake
# MSBuild calls this. Several builds may run at once (an IDE and a terminal, or one project for two runtimes), so the
# build tree is locked; where nothing changed this takes a fraction of a second.
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(tree "${root}/out/release")
file(MAKE_DIRECTORY "${tree}")
file(LOCK "${root}/out/release.lock" GUARD PROCESS TIMEOUT 1800)

function(run)
  execute_process(COMMAND "${CMAKE_COMMAND}" ${ARGN} WORKING_DIRECTORY "${root}" RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " arguments)
    message(FATAL_ERROR "cmake ${arguments} failed: ${result}")
  endif()
endfunction()

if(NOT EXISTS "${tree}/CMakeCache.txt" OR "${root}/CMakePresets.json" IS_NEWER_THAN "${tree}/CMakeCache.txt")
  find_program(ninja ninja)
  if(ninja AND NOT DEFINED ENV{CMAKE_GENERATOR} AND NOT EXISTS "${tree}/CMakeCache.txt")
    set(ENV{CMAKE_GENERATOR} Ninja)
  endif()
  run(--preset library)
endif()
cmake_host_system_information(RESULT processors QUERY NUMBER_OF_LOGICAL_CORES)
run(--build --preset library --parallel ${processors})
