using LowLatency.Core.Rings;

namespace LowLatency.Tests.Rings;

/// <summary>Copies records out of a ring. Refuses the one at <paramref name="refuseAt"/>, throws at <paramref name="throwAt"/>.</summary>
internal struct RecordCollector(List<(int Type, byte[] Body)> records, int refuseAt = -1, int throwAt = -1) : IRecordHandler
{
    private int _seen;

    public bool OnRecord(int type, ReadOnlySpan<byte> body)
    {
        if (_seen == refuseAt)
            return false;
        records.Add((type, body.ToArray()));
        if (_seen++ == throwAt)
            throw new InvalidOperationException("planned");
        return true;
    }
}
