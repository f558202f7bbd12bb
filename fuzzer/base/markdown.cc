#include "fuzzer/base/markdown.h"

#include "fuzzer/base/text.h"

namespace mob {

std::string markdown_escaped(std::string_view text, std::size_t limit) {
  std::string out;
  for (const char ch : one_line(text, limit)) {
    if (std::string_view("\\`*_{}[]<>()#+!|~&@").find(ch) != std::string_view::npos) out += '\\';
    out += ch;
  }
  return out;
}

}  // namespace mob
