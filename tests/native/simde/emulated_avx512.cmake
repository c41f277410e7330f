# The AVX-512 variants compiled again, for AVX2, with SIMDe's functions for the intrinsics (avx512.h), so that machines
# without AVX-512 run their cases too.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" OR HADAL_SANITIZE)
  return()
endif()
find_path(HADAL_SIMDE_INCLUDE simde/x86/avx512.h)
set(simde_version 0)
if(HADAL_SIMDE_INCLUDE)
  file(STRINGS ${HADAL_SIMDE_INCLUDE}/simde/simde-common.h simde_version
    REGEX "define SIMDE_VERSION_(MAJOR|MINOR|MICRO) ")
  string(REGEX REPLACE "[^0-9;]" "" simde_version "${simde_version}")
  string(REPLACE ";" "." simde_version "${simde_version}")
endif()
if(simde_version VERSION_LESS 0.7.4 OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_test(NAME emulated-avx512 COMMAND ${CMAKE_COMMAND} -E echo
    "skipped: no SIMDe of 0.7.4 or later, or no GCC, so only a processor with AVX-512 runs the AVX-512 variants")
  set_tests_properties(emulated-avx512 PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
  return()
endif()

file(GLOB emulated_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/native/cpu/*/*_avx512.cpp
  ${PROJECT_SOURCE_DIR}/native/cpu/*/*_avx512f.cpp)
add_library(hadal_emulated_avx512 OBJECT ${emulated_sources} simde/emulated_intrinsics.cpp)
target_include_directories(hadal_emulated_avx512 PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/native
  ${PROJECT_SOURCE_DIR}/native/include)
target_include_directories(hadal_emulated_avx512 SYSTEM PRIVATE ${HADAL_SIMDE_INCLUDE})
# -Og unrolls nothing: these sources ask for it, and without registers of 512 bits it takes minutes to compile.
target_compile_options(hadal_emulated_avx512 PRIVATE -mavx2 -mfma -mf16c -Og
  "SHELL:-include ${CMAKE_CURRENT_SOURCE_DIR}/simde/avx512.h" -Wno-psabi -Wno-ignored-attributes -Wno-unused-function)

# The others are for AVX-512 without BF16.
set(bf16_sources ${emulated_sources})
list(FILTER bf16_sources INCLUDE REGEX "_avx512\\.cpp$")
set_source_files_properties(${bf16_sources} TARGET_DIRECTORY hadal_emulated_avx512 PROPERTIES
  COMPILE_DEFINITIONS HADAL_EMULATES_BF16)

# The test programs once more, on these objects. Of each run what asks for the instruction set.
set(filter_of_hadal_tests "*avx512*:Devices.TakeThe*InstructionSet*:EmulatedIntrinsics.*")
set(filter_of_hadal_fault_tests Faults.KernelsAllocateNothing)
foreach(program hadal_tests hadal_fault_tests)
  set(emulated ${program}_emulated_avx512)
  add_executable(${emulated} simde/supports.cpp $<TARGET_OBJECTS:${program}> $<TARGET_OBJECTS:hadal_emulated_avx512>
    $<FILTER:$<TARGET_OBJECTS:hadal_objects>,EXCLUDE,_avx512f?\\.cpp>)
  target_link_libraries(${emulated} PRIVATE hadal_test_support)
  target_link_options(${emulated} PRIVATE $<TARGET_PROPERTY:${program},LINK_OPTIONS>
    -Wl,--wrap=_ZN5hadal3cpu8supportsENS0_3IsaE)
  add_dependencies(${emulated} hadal-minimal hadal-skewed hadal-unwilling hadal-empty)
  gtest_discover_tests(${emulated} TEST_PREFIX emulated: TEST_FILTER "${filter_of_${program}}" DISCOVERY_TIMEOUT 120)
endforeach()

# And the tests of the emulation itself.
target_sources(hadal_tests_emulated_avx512 PRIVATE simde/intrinsics_test.cpp simde/hardware_intrinsics.cpp)
set_source_files_properties(simde/intrinsics_test.cpp PROPERTIES
  COMPILE_DEFINITIONS HADAL_CPU_SOURCES="${PROJECT_SOURCE_DIR}/native/cpu")
set_source_files_properties(simde/hardware_intrinsics.cpp PROPERTIES COMPILE_OPTIONS
  "-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512vbmi;-mavx512bf16;-mfma;-mf16c")
set_property(SOURCE simde/hardware_intrinsics.cpp APPEND PROPERTY COMPILE_OPTIONS
  -Wno-uninitialized -Wno-maybe-uninitialized -Wno-ignored-attributes)
