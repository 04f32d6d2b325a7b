using System.Runtime.CompilerServices;

namespace LowLatency.Core.Routing;

/// <summary>Patterns of words as a tree, so that matching a key costs by its words and not by the number of patterns. Engine thread only.</summary>
/// <remarks>
/// <code>
/// root ─ "eur" ─ * ─ "rate"  ▸ bindings of eur.*.rate
///      └ # ─ "rate"          ▸ bindings of #.rate          # below # is the same node
/// </code>
/// The children of all nodes by plain words are in one table, by parent and hash of the word. A match visits a pair of node and word at
/// most once: a node has one parent, so only <c>#</c> can bring it about twice, and <see cref="Node.Entered"/> stops that.
/// </remarks>
internal sealed class TopicTrie
{
    private const int Root = 0;
    private const int MaxWords = NameRules.MaxLength + 1;

    private static readonly byte[] Star = "*"u8.ToArray();
    private static readonly byte[] Hash = "#"u8.ToArray();

    private readonly ulong _seed = RouteHash.ProcessSeed;
    private readonly byte[] _wordEnds = new byte[MaxWords];
    private readonly uint[] _wordHashes = new uint[MaxWords];
    private Node[] _nodes = new Node[4];
    private int _nodeCount = 1;
    private int _freeNode;
    private Slot[] _table = new Slot[8];
    private int _tableCount;
    private int _words;
    private long _match;

    /// <summary>Nodes in use, the root included.</summary>
    internal int NodeCount { get; private set; } = 1;

    internal void Add(Binding binding)
    {
        int node = Root;
        ReadOnlySpan<byte> key = binding.Key;
        Split(key);
        for (int i = 0; i < _words; i++)
            node = ChildOrNew(node, Word(key, i), _wordHashes[i]);
        (_nodes[node].Bindings ??= new BindingSet()).Add(binding);
    }

    internal void Remove(Binding binding)
    {
        int node = Root;
        ReadOnlySpan<byte> key = binding.Key;
        Split(key);
        for (int i = 0; i < _words; i++)
            node = Child(node, Word(key, i), _wordHashes[i]);
        BindingSet bindings = _nodes[node].Bindings!;
        bindings.Remove(binding);
        if (bindings.Count > 0)
            return;
        _nodes[node].Bindings = null;
        while (node != Root && _nodes[node].IsBare)
            node = Free(node);
    }

    /// <summary>Tells the router of the bindings of every pattern that matches. Does not allocate.</summary>
    internal void Match(ReadOnlySpan<byte> key, Router router)
    {
        Split(key);
        _match++;
        Visit(key, router, Root, 0);
    }

    private void Visit(ReadOnlySpan<byte> key, Router router, int node, int word)
    {
        while (true)
        {
            ref Node at = ref _nodes[node];
            if (at.Hash != 0)
                VisitHash(key, router, at.Hash, word);
            if (word == _words)
            {
                if (at.Bindings != null)
                    router.Reach(at.Bindings.Items);
                return;
            }
            if (at.Star != 0)
                Visit(key, router, at.Star, word + 1);
            if (at.Children == 0)
                return;
            node = Find(node, Word(key, word), _wordHashes[word]);
            if (node == 0)
                return;
            word++;
        }
    }

    private void VisitHash(ReadOnlySpan<byte> key, Router router, int node, int word)
    {
        ref Node at = ref _nodes[node];
        int end = _words;
        if (at.Match != _match)
        {
            at.Match = _match;
            if (at.Bindings != null)
                router.Reach(at.Bindings.Items); // It may stand for all the words that are left.
        }
        else if (word >= at.Entered)
        {
            return;
        }
        else
        {
            end = at.Entered;
        }
        at.Entered = word;
        if (at.Star == 0 && at.Children == 0)
            return;
        for (; word < end; word++)
        {
            if (at.Star != 0)
                Visit(key, router, at.Star, word + 1);
            if (at.Children == 0)
                continue;
            int child = Find(node, Word(key, word), _wordHashes[word]);
            if (child != 0)
                Visit(key, router, child, word + 1);
        }
    }

    // Words are what stands between dots; a key without a byte has none.
    private void Split(ReadOnlySpan<byte> key)
    {
        _words = 0;
        if (key.Length == 0)
            return;
        int start = 0;
        while (true)
        {
            int length = key[start..].IndexOf((byte)'.');
            int end = length < 0 ? key.Length : start + length;
            _wordEnds[_words] = (byte)end;
            _wordHashes[_words++] = (uint)RouteHash.Of(key[start..end], _seed);
            if (length < 0)
                return;
            start = end + 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ReadOnlySpan<byte> Word(ReadOnlySpan<byte> key, int index)
    {
        int start = index == 0 ? 0 : _wordEnds[index - 1] + 1;
        return key[start.._wordEnds[index]];
    }

    private int Child(int parent, ReadOnlySpan<byte> word, uint hash)
    {
        if (word.SequenceEqual(Star))
            return _nodes[parent].Star;
        if (!word.SequenceEqual(Hash))
            return Find(parent, word, hash);
        return _nodes[parent].Kind == NodeKind.Hash ? parent : _nodes[parent].Hash;
    }

    private int ChildOrNew(int parent, ReadOnlySpan<byte> word, uint hash)
    {
        int child = Child(parent, word, hash);
        if (child != 0)
            return child;
        NodeKind kind = word.SequenceEqual(Star) ? NodeKind.Star : word.SequenceEqual(Hash) ? NodeKind.Hash : NodeKind.Word;
        child = New(parent, kind); // Before anything of the parent is named: the nodes may move.
        if (kind == NodeKind.Star)
            return _nodes[parent].Star = child;
        if (kind == NodeKind.Hash)
            return _nodes[parent].Hash = child;
        _nodes[child].Word = word.ToArray();
        _nodes[child].WordHash = hash;
        _nodes[parent].Children++;
        Insert(child);
        return child;
    }

    private int New(int parent, NodeKind kind)
    {
        int node = _freeNode;
        if (node != 0)
        {
            _freeNode = _nodes[node].Parent;
        }
        else
        {
            if (_nodeCount == _nodes.Length)
                Array.Resize(ref _nodes, _nodeCount * 2);
            node = _nodeCount++;
        }
        _nodes[node] = new Node { Parent = parent, Kind = kind };
        NodeCount++;
        return node;
    }

    /// <returns>Its parent.</returns>
    private int Free(int node)
    {
        int parent = _nodes[node].Parent;
        switch (_nodes[node].Kind)
        {
            case NodeKind.Star:
                _nodes[parent].Star = 0;
                break;
            case NodeKind.Hash:
                _nodes[parent].Hash = 0;
                break;
            default:
                _nodes[parent].Children--;
                Delete(node);
                break;
        }
        _nodes[node] = new Node { Parent = _freeNode };
        _freeNode = node;
        NodeCount--;
        return parent;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint SlotHash(int parent, uint wordHash) => (uint)(RouteHash.Mix(((ulong)(uint)parent << 32) | wordHash) >> 32);

    /// <summary>The child by a plain word; 0 for none.</summary>
    private int Find(int parent, ReadOnlySpan<byte> word, uint wordHash)
    {
        Slot[] table = _table;
        uint hash = SlotHash(parent, wordHash);
        for (int i = (int)(hash & (uint)(table.Length - 1)); table[i].Node != 0; i = (i + 1) & (table.Length - 1))
        {
            if (table[i].Hash != hash)
                continue;
            ref Node node = ref _nodes[table[i].Node];
            if (node.Parent == parent && word.SequenceEqual(node.Word))
                return table[i].Node;
        }
        return 0;
    }

    private void Insert(int node)
    {
        if (2 * ++_tableCount > _table.Length)
        {
            Slot[] old = _table;
            _table = new Slot[old.Length * 2];
            foreach (Slot slot in old)
            {
                if (slot.Node != 0)
                    Put(slot);
            }
        }
        Put(new Slot { Node = node, Hash = SlotHash(_nodes[node].Parent, _nodes[node].WordHash) });
    }

    private void Put(Slot slot)
    {
        int mask = _table.Length - 1;
        int i = (int)(slot.Hash & (uint)mask);
        while (_table[i].Node != 0)
            i = (i + 1) & mask;
        _table[i] = slot;
    }

    // Those behind it that stood there only because its place was taken move up.
    private void Delete(int node)
    {
        int mask = _table.Length - 1;
        int hole = (int)(SlotHash(_nodes[node].Parent, _nodes[node].WordHash) & (uint)mask);
        while (_table[hole].Node != node)
            hole = (hole + 1) & mask;
        for (int i = (hole + 1) & mask; _table[i].Node != 0; i = (i + 1) & mask)
        {
            int home = (int)(_table[i].Hash & (uint)mask);
            if (((i - home) & mask) < ((i - hole) & mask))
                continue;
            _table[hole] = _table[i];
            hole = i;
        }
        _table[hole] = default;
        _tableCount--;
    }

    private enum NodeKind : byte
    {
        Word = 0,
        Star,
        Hash,
    }

    private struct Slot
    {
        internal uint Hash;
        internal int Node;
    }

    private struct Node
    {
        /// <summary>Also the next free one.</summary>
        internal int Parent;

        /// <summary>Child by <c>*</c>; 0 for none, as the root is nobody's child.</summary>
        internal int Star;

        /// <summary>Child by <c>#</c>.</summary>
        internal int Hash;

        /// <summary>Children by plain words.</summary>
        internal int Children;

        /// <summary>The match that came here last, for a <c>#</c>.</summary>
        internal long Match;

        /// <summary>Least number of words before it in that match.</summary>
        internal int Entered;

        internal uint WordHash;
        internal NodeKind Kind;
        internal byte[]? Word;
        internal BindingSet? Bindings;

        internal readonly bool IsBare => Bindings == null && Children == 0 && Star == 0 && Hash == 0;
    }
}
