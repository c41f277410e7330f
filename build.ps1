# Hands over to CMake's presets and MSBuild, as build.sh does; it installs nothing, but names what is missing.
#
#   ./build.ps1 [build]           builds native and managed
#   ./build.ps1 run [ARGUMENTS]   builds, then runs the tool `hadal`
#   ./build.ps1 test [OPTIONS]    builds, then runs every test, native and managed; options go to dotnet test
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot
foreach ($tool in 'cmake', 'dotnet') {
    if (-not (Get-Command $tool -ErrorAction SilentlyContinue)) {
        Write-Error "$tool is missing: CMake 3.25, a C++20 compiler and the .NET 10 SDK are needed"
    }
}
$command, $rest = $args
switch ($command) {
    { $_ -in $null, 'build' } { dotnet build Interop.sln -c Release @rest; exit $LASTEXITCODE }
    'run' { dotnet run --project src/Hadal.Cli -c Release -v q -- @rest; exit $LASTEXITCODE }
    'test' {
        cmake --workflow --preset release
        $native = $LASTEXITCODE
        dotnet test --solution Interop.sln -c Release @rest
        exit ($native -ne 0 ? $native : $LASTEXITCODE)
    }
    default { Write-Error "unknown command '$command': one of build, run, test" }
}
