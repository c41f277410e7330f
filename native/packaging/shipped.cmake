# What is done to a library that goes to other machines, beyond what CMAKE_BUILD_TYPE says.

# Line tables and types for the symbols, with paths that do not depend on where the checkout lies.
add_compile_options(-g "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=hadal")

# hadal_ship(TARGET): strips the library; beside it lie
#   NAME.debug   its symbols, which debuggers and addr2line find by the build-id
#   NAME.link.d  every file that the linker read, from which the notices and the SBOM of a package are made
function(hadal_ship target)
  set(file "$<TARGET_FILE:${target}>")
  set(name "$<TARGET_FILE_NAME:${target}>")
  # objcopy compresses no sections of a DLL.
  set(compressed $<$<NOT:$<BOOL:${WIN32}>>:--compress-debug-sections=zlib>)
  target_link_options(${target} PRIVATE "LINKER:--build-id=sha1,--dependency-file=${file}.link.d")
  add_custom_command(TARGET ${target} POST_BUILD VERBATIM COMMAND_EXPAND_LISTS
    WORKING_DIRECTORY "$<TARGET_FILE_DIR:${target}>"
    COMMAND ${CMAKE_OBJCOPY} --only-keep-debug ${compressed} ${name} ${name}.debug
    COMMAND ${CMAKE_STRIP} --strip-all ${name}
    COMMAND ${CMAKE_OBJCOPY} --add-gnu-debuglink=${name}.debug ${name})
endfunction()
