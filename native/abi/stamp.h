// What this build was made from; the build writes stamp.cpp (native/stamp.cmake).
#pragma once

namespace hadal {

extern const char* const kVersion;
extern const char* const kCommit;        // In hex, or "unknown".
extern const char* const kHeaderSha256;  // Of hadal.h, in hex.

}  // namespace hadal
