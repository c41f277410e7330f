# cmake --install: the library, its header, and a package for find_package(hadal), whose target is hadal::hadal.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(HADAL_INSTALL_CMAKEDIR "${CMAKE_INSTALL_LIBDIR}/cmake/hadal" CACHE STRING "Where hadalConfig.cmake is installed")
mark_as_advanced(HADAL_INSTALL_CMAKEDIR)

install(TARGETS hadal EXPORT hadal
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${CMAKE_CURRENT_SOURCE_DIR}/include/hadal.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
# The library links nothing that its user must find, so the exported targets are the whole configuration.
install(EXPORT hadal FILE hadalConfig.cmake NAMESPACE hadal:: DESTINATION "${HADAL_INSTALL_CMAKEDIR}")
# Until 1.0 a minor version may change the interface.
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/hadalConfigVersion.cmake"
  VERSION "${HADAL_VERSION}" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/hadalConfigVersion.cmake" DESTINATION "${HADAL_INSTALL_CMAKEDIR}")
