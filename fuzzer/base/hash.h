// Hashes for content keys (never for security).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mob {

// 64-bit FNV-1a with a final avalanche; equal on every machine, so it may be stored.
inline std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) {
  std::uint64_t h = 0xCBF29CE484222325u ^ seed;
  for (unsigned char c : bytes) h = (h ^ c) * 0x100000001B3u;
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93u;
  h ^= h >> 32;
  return h;
}

// Sixteen hexadecimal digits.
std::string hex64(std::uint64_t h);

}  // namespace mob
