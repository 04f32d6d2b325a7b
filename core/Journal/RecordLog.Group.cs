using System.Diagnostics.CodeAnalysis;

namespace LowLatency.Core.Journal;

/// <content>Several records that are one: after a crash all of them are there, or none.</content>
/// <remarks>
/// <code>
/// ┌ header, type Group, CRCs over all ┬ header ▸ body ▸ zeroes ┬ header ▸ body ▸ zeroes ┐
/// └ position p                        └ position p + 32        └ position …             ┘
/// </code>
/// Records in a group have positions of their own and are read like any other; their CRC fields are zero.
/// </remarks>
internal sealed unsafe partial class RecordLog
{
    private bool _inGroup;
    private int _groupOffset;
    private int _limitAfterGroup;

    /// <summary>A group is open.</summary>
    internal bool IsInGroup => _inGroup;

    /// <summary>Begins a group: claims and commits up to <see cref="EndGroup"/> are part of it, and cannot fail.</summary>
    /// <param name="maxLength">Most bytes that the records in it take, each counted with <see cref="RecordLayout.AlignedLength"/>; up to <see cref="MaxBodyLength"/>.</param>
    /// <param name="status">Why not, when not.</param>
    /// <param name="reserved">Whether it may use the reserve of the last ready segment: no when it brings messages in.</param>
    /// <returns>False: nothing was begun.</returns>
    /// <remarks>Engine thread. Groups do not nest. What is in an open group is not seen by readers of other threads.</remarks>
    internal bool TryBeginGroup(int maxLength, out AppendStatus status, bool reserved = true)
    {
        if (_inGroup)
            throw new InvalidOperationException("A group in a group.");
        RecordType type = reserved ? RecordType.Group : RecordType.Message;
        byte* body = TryClaim(type, 0, (maxLength + (RecordLayout.Alignment - 1)) & ~(RecordLayout.Alignment - 1), out _, out status);
        if (body == null)
            return false;
        *(uint*)(body - RecordLayout.HeaderLength + RecordLayout.Type) = (uint)RecordType.Group | ((uint)RecordLayout.Version << 16);
        _groupOffset = _offset;
        _limitAfterGroup = _limit;
        _limit = _offset + RecordLayout.AlignedLength(maxLength);
        _offset += RecordLayout.HeaderLength;
        _claimLength = 0;
        _inGroup = true;
        return true;
    }

    /// <summary>Makes the records of the group part of the log, all at once. One without records leaves no trace.</summary>
    internal void EndGroup()
    {
        if (!_inGroup)
            throw new InvalidOperationException("The end of a group that was not begun.");
        int length = _offset - _groupOffset;
        _inGroup = false;
        _offset = _groupOffset;
        _limit = _limitAfterGroup;
        if (length == RecordLayout.HeaderLength)
            return;
        _claimLength = length;
        Commit();
    }

    // A record in a group: whole, but the group speaks for it.
    private void CommitInGroup(byte* header, int length, int aligned)
    {
        *(uint*)(header + RecordLayout.HeaderCrc) = 0;
        *(uint*)(header + RecordLayout.BodyCrc) = 0;
        *(int*)header = length;
        _offset += aligned;
        _claimLength = 0;
    }

    [DoesNotReturn]
    private static void ThrowGroupOverrun(int needed, int room) =>
        throw new InvalidOperationException($"A record of {needed} bytes in a group that has room for {room}: the group was begun too small.");
}
