using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;

namespace LowLatency.Server.Inspection;

/// <summary>Follows messages through a journal: those with an id, or the one at a position, and what they are dead-lettered as.</summary>
/// <remarks>What happens to them is seen in the state that the engine's own replay makes: no second opinion about what a record does.</remarks>
internal sealed class MessageFinder : IJournalVisitor, IDisposable
{
    /// <summary>So many messages are followed at once; an id that more have is none.</summary>
    internal const int MostTrails = 100;

    private readonly byte[]? _id;
    private readonly long _position;
    private readonly JournalReplay _replay = new();
    private readonly JournalNames _names = new();
    private readonly JournalClock _clock = new();
    private readonly TrailObserver _observer;
    private readonly List<TrailEvent> _untimed = [];

    // Dead letters of the group that is being read, until it shows whose they are.
    private readonly List<MessageTrail> _candidates = [];
    private readonly List<(MessageTrail Trail, long TimeNs)> _dropped = [];
    private long _group;

    /// <param name="id">The message-id property; <c>null</c> to look by position.</param>
    /// <param name="position">In the record that is looked for.</param>
    internal MessageFinder(string? id, long position)
    {
        _id = id == null ? null : Encoding.UTF8.GetBytes(id);
        _position = position;
        _observer = new TrailObserver(_replay.Topology);
    }

    /// <summary>What was found, in the order of positions.</summary>
    internal List<MessageTrail> Trails { get; } = [];

    /// <summary>Messages with the id beyond <see cref="MostTrails"/>.</summary>
    internal long PassedOver { get; private set; }

    /// <summary>Type of the record at the position, where it is no message; <c>null</c> when there is none.</summary>
    internal RecordType? OtherType { get; private set; }

    public bool OnRecord(in JournalRecord record)
    {
        if (record.GroupPosition != _group)
            EndGroup();
        _group = record.GroupPosition;
        _names.Define(record);
        bool isTimed = _clock.Take(record);
        if (isTimed)
            BoundUntimed();
        _replay.Apply(record);
        foreach (MessageTrail trail in Trails)
            Observe(trail, record, isTimed);
        foreach (MessageTrail trail in _candidates)
            Observe(trail, record, isTimed);
        if (record.Type == RecordType.Message || (record.Type == RecordType.Moved && !IsFollowed(record.Position)))
            TakeMessage(record);
        else if (Covers(record))
            OtherType = record.Type;
        _names.Forget(record);
        return true;
    }

    /// <summary>After the last record.</summary>
    internal void EndGroup()
    {
        foreach ((MessageTrail dropped, long timeNs) in _dropped)
        {
            MessageTrail? letter = Trails.Concat(_candidates).FirstOrDefault(trail => trail.GroupPosition == _group && trail.IsDeadLetterOf(dropped, timeNs));
            if (letter == null)
                continue;
            letter.DeadLetterOf = dropped.Position;
            if (_candidates.Remove(letter))
                Trails.Add(letter);
        }
        _dropped.Clear();
        _candidates.Clear();
    }

    public void Dispose() => _replay.Dispose();

    private bool IsFollowed(long position) => Trails.Exists(trail => trail.Places.Exists(place => place.Position == position));

    private void TakeMessage(in JournalRecord record)
    {
        ReadOnlySpan<byte> headers = HeadersOf(record.Body);
        bool isWanted = _id == null ? Covers(record) : ContentHeader.TryRead(headers, out ContentHeader header) && header.Has(ContentProperty.MessageId) && header.MessageId.SequenceEqual(_id);
        if (!isWanted && (record.GroupPosition == 0 || Trails.Count == 0 || !IsDeadLetter(headers)))
            return;
        if (isWanted && Trails.Count >= MostTrails)
        {
            PassedOver++;
            return;
        }
        var trail = new MessageTrail(record, _names);
        foreach (MessagePlace place in trail.Places)
            TrailObserver.Begin(trail, place);
        (isWanted ? Trails : _candidates).Add(trail);
    }

    // A group covers what is in it, and tells nothing of its own.
    private bool Covers(in JournalRecord record) =>
        _id == null && record.Type != RecordType.Group && record.Position <= _position && _position < record.Position + record.AlignedLength;

    private void Observe(MessageTrail trail, in JournalRecord record, bool isTimed)
    {
        int before = trail.Events.Count;
        foreach (MessagePlace place in trail.Places)
        {
            string? what = _observer.Observe(place, record);
            if (what == null)
                continue;
            place.Last = what;
            trail.Events.Add(new TrailEvent(record.Position, place.Queue, what) { IsTimed = isTimed, NotBeforeNs = _clock.NowNs });
        }
        if (trail.Events.Count == before)
            return;
        if (!isTimed)
            _untimed.AddRange(trail.Events.Skip(before));
        if (record.Type == RecordType.Drop && record.GroupPosition != 0)
            _dropped.Add((trail, _clock.NowNs));
    }

    private void BoundUntimed()
    {
        foreach (TrailEvent happened in _untimed)
            happened.NotAfterNs = _clock.NowNs;
        _untimed.Clear();
    }

    private static bool IsDeadLetter(ReadOnlySpan<byte> headers) =>
        ContentHeader.TryRead(headers, out ContentHeader header) && FieldTableReader.TryFind(header.HeaderTable, "x-death"u8, out _);

    private static unsafe ReadOnlySpan<byte> HeadersOf(ReadOnlySpan<byte> body)
    {
        int start;
        int length;
        fixed (byte* at = body)
        {
            var view = new MessageView(at, body.Length);
            start = (int)(view.Payload - at) + view.RoutingKeyLength;
            length = view.HeadersLength;
        }
        return body.Slice(start, length);
    }
}
