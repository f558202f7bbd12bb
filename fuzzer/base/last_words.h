// What is done when a slip of our own ends the process.
#pragma once

namespace mob {

// Called once, by the thread that slips, just before the process ends; null: nothing is done. It may not
// allocate: the slip may have been within an allocation.
using LastWords = void (*)();
LastWords& last_words();

}  // namespace mob
