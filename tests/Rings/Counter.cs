using LowLatency.Core.Rings;

namespace LowLatency.Tests.Rings;

/// <summary>Counts records without looking at them.</summary>
internal struct Counter : IRecordHandler
{
    internal int Count;

    public bool OnRecord(int type, ReadOnlySpan<byte> body)
    {
        Count++;
        return true;
    }
}
