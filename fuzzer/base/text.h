// Small helpers for words and numbers on a line.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mob {

std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);

// "[2,3,4]"; "[]" for a scalar.
std::string show_dims(const std::vector<std::int64_t>& dims);

// Shortest decimal that a person can take in: six significant digits, "inf", "nan".
std::string show_number(double x);

// "1.2 GB", "340 MB", "12 kB" (powers of ten).
std::string show_bytes(double bytes);

// Folds control characters and line breaks so that a message of a foreign library stays one line.
std::string one_line(std::string_view text, std::size_t limit = 400);

}  // namespace mob
