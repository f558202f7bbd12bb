// Text of models and runtimes within Markdown.
#pragma once

#include <string>
#include <string_view>

namespace mob {

// One line of at most `limit` letters, in which nothing is markup, also within a table.
std::string markdown_escaped(std::string_view text, std::size_t limit = 2000);

}  // namespace mob
