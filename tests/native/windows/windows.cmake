# The tests as programs of Windows, under wine where they aren't on Windows. Each start takes part of a second, so many
# cases run in one. Left out is what takes minutes, and is the same code as on other systems.
foreach(shard 0 1)
  add_test(NAME hadal_tests-${shard} COMMAND hadal_tests --gtest_filter=-*GivesARowTheSameBitsInAnyBatch*)
  set_tests_properties(hadal_tests-${shard} PROPERTIES TIMEOUT 600
    ENVIRONMENT "GTEST_TOTAL_SHARDS=2;GTEST_SHARD_INDEX=${shard}")
endforeach()

add_test(NAME aligned-moves COMMAND ${CMAKE_COMMAND} -DOBJDUMP=${CMAKE_OBJDUMP} -DLIBRARY=$<TARGET_FILE:hadal>
         -P ${CMAKE_CURRENT_LIST_DIR}/aligned_moves_test.cmake)

# Microsoft's compiler reads the header as this target of clang does.
find_program(HADAL_CLANG clang)
foreach(language c c++)
  if(HADAL_CLANG)
    add_test(NAME header-msvc-${language} COMMAND ${HADAL_CLANG} --target=x86_64-pc-windows-msvc -ffreestanding
      -fsyntax-only -Wall -Wextra -Werror -x ${language} ${PROJECT_SOURCE_DIR}/native/include/hadal_backend.h)
  else()
    add_test(NAME header-msvc-${language} COMMAND ${CMAKE_COMMAND} -E echo "skipped: no clang")
    set_tests_properties(header-msvc-${language} PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped")
  endif()
endforeach()
