// Bytes for a script element of an HTML page.
#pragma once

#include <string>
#include <string_view>

namespace mob {

std::string base64(std::string_view bytes);

// Compressed to zlib's format (RFC 1950), which browsers call "deflate".
std::string deflated(std::string_view bytes);

}  // namespace mob
