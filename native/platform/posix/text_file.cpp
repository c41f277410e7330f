#include "platform/text_file.h"

#include <fcntl.h>
#include <unistd.h>

namespace hadal {

// Streams would take memory that runs out for the end of the file.
std::string text_of(const std::string& path) {
  std::string text;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char part[4096];
  try {
    for (ssize_t size; (size = read(file, part, sizeof part)) > 0;) text.append(part, static_cast<size_t>(size));
  } catch (...) {
    close(file);
    throw;
  }
  close(file);
  return text;
}

}  // namespace hadal
