# The stack of Windows is aligned to 16 bytes, so the library may hold no move of 32 or 64 that wants more:
#   cmake -DOBJDUMP=program -DLIBRARY=hadal.dll -P aligned_moves_test.cmake
cmake_minimum_required(VERSION 3.25)

function(count pattern result)
  execute_process(COMMAND "${OBJDUMP}" --disassemble --no-show-raw-insn "${LIBRARY}" COMMAND grep -cE "${pattern}"
                  OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

count("[[:space:]]vmovup[sd][[:space:]].*%[yz]mm" unaligned)
if(NOT unaligned GREATER 1000)
  message(FATAL_ERROR "only '${unaligned}' unaligned moves of vectors: the disassembly was not read")
endif()
count("[[:space:]]vmov(ap[sd]|dqa(32|64)?|nt[a-z]*)[[:space:]].*%[yz]mm" aligned)
if(NOT aligned EQUAL 0)
  message(FATAL_ERROR "${aligned} aligned moves of vectors: was a source compiled or linked without what "
    "native/packaging/windows.cmake gives the assembler?")
endif()
message("no aligned move, ${unaligned} unaligned ones")
