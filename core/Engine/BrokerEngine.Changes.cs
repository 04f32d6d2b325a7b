using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Room for all records of one change, or for none: rule S1.
internal sealed unsafe partial class BrokerEngine
{
    private bool _endsDurableGroup;
    private bool _endsTransientGroup;

    /// <summary>Makes room for the records of a change. Where there are several, they are one group, and no claim can fail until <see cref="EndChange"/>.</summary>
    /// <param name="durableLength">Most bytes that they take in the journal, each as <see cref="RecordLayout.AlignedLength"/>.</param>
    /// <param name="durableRecords">0: none. 1, and none in memory: its claim may fail, and comes first.</param>
    /// <param name="mayUseReserve">No message comes in.</param>
    /// <param name="queues">Into which messages come, beside those to which planned dead letters go.</param>
    /// <returns>Not appended: there is no room, nothing was begun.</returns>
    /// <remarks>Inside a group that is open already (a transaction's) it only counts on it.</remarks>
    private AppendStatus TryBeginChange(int durableLength, int durableRecords, bool mayUseReserve, int transientLength, int transientRecords,
        ReadOnlySpan<BrokerQueue> queues = default)
    {
        _endsDurableGroup = false;
        _endsTransientGroup = false;
        AppendStatus status = AppendStatus.Appended;
        if (transientRecords + durableRecords < 2)
            return status;
        if (transientRecords > 0 && !_transientLog.IsInGroup)
        {
            if (!_transientLog.TryBeginGroup(transientLength, out status, reserved: false))
                return status;
            _endsTransientGroup = true;
        }
        if (durableRecords > 0 && _durableLog is { IsInGroup: false })
        {
            if (!TryBeginGroupFor(queues, durableLength, mayUseReserve, out status))
            {
                EndChange();
                return status;
            }
            _endsDurableGroup = true;
        }
        return status;
    }

    private void EndChange()
    {
        if (_endsTransientGroup)
            _transientLog.EndGroup();
        if (_endsDurableGroup)
            _durableLog!.EndGroup();
        _endsDurableGroup = false;
        _endsTransientGroup = false;
    }
}
