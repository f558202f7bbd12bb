// The parts of `mobster corpus`, each the set-up of one of its subcommands (command.h).
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace mob::cli {

std::function<int()> set_up_corpus_add(CLI::App& app);
std::function<int()> set_up_corpus_import(CLI::App& app);
std::function<int()> set_up_corpus_export(CLI::App& app);
std::function<int()> set_up_corpus_table(CLI::App& app);
std::function<int()> set_up_corpus_update(CLI::App& app);

}  // namespace mob::cli
