#pragma once

#include <string>

namespace mob {

// "2026-11-21", in UTC.
std::string today();

}  // namespace mob
