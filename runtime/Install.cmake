# find_package(Lathe) and pkg-config lathe, for programs that embed the runtime.
include(CMakePackageConfigHelpers)

install(TARGETS lathe-shared EXPORT LatheTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime)
install(FILES include/lathe.h include/lathe.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT runtime)
install(EXPORT LatheTargets NAMESPACE Lathe:: COMPONENT runtime
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Lathe)

configure_package_config_file(
  ${CMAKE_CURRENT_SOURCE_DIR}/LatheConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/LatheConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Lathe)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/LatheConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/LatheConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/LatheConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Lathe COMPONENT runtime)

# From lib/pkgconfig, or lib/ARCH/pkgconfig, up to the prefix.
string(REGEX REPLACE "[^/]+" ".." LATHE_PKGCONFIG_TO_PREFIX "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
configure_file(lathe.pc.in ${CMAKE_CURRENT_BINARY_DIR}/lathe.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lathe.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT runtime)
