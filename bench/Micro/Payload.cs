using System.Runtime.CompilerServices;

namespace LowLatency.Bench.Micro;

/// <summary>128 bytes: a record, an event, a body.</summary>
[InlineArray(Length)]
internal struct Payload
{
    internal const int Length = 128;

    private byte _first;
}
